"""The schema, the unit of work, the outbox, the audit chain and the migrations."""
