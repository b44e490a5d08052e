"""The dashboard: pages for people over the same backend as the REST API. It asks the backend in this process, and never
its own REST API over HTTP; only what changes in an open page is fetched by the browser."""
