"""The Kubernetes REST API: requests, representations, watches."""
