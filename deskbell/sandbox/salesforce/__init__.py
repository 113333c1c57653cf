"""A stand-in of an org of Salesforce: its REST API and as much of SOQL as is asked here."""
