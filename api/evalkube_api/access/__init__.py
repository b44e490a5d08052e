"""Who may ask: by the name the service is asked under and the page that asks. Routes know none of it."""
