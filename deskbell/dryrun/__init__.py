"""`deskbell dryrun`: who would be rung when and how, if nobody answered. Nothing is sent, and nothing is kept."""
