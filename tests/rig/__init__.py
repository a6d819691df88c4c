"""A small federated world for tests: peers, names, certificates, each in a namespace of its own."""
