"""The GraphQL endpoint: documents parsed and judged once, requests answered as the HTTP specification says."""
