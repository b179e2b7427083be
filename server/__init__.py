"""The processes: the API with its GraphQL endpoint, the worker's side door, embedded servers, the supervisor, the CLI."""
