"""A mock of AI/ML API's Kling video endpoints, and a kit that tests clients against their contract."""
