"""Who may ask: by the name the service is asked under, the page that asks, and a token. Routes know none of it."""
