"""A stand-in of Freshdesk's API v2. https://developers.freshdesk.com/api/"""
