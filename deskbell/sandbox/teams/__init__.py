"""A stand-in of Microsoft Teams behind the Bot Framework: tokens, keys, connector, activities, people who tap."""
