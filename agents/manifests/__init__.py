"""What the Git tools and the offline planner share about the texts of manifests.

yamltext   changes of YAML in place, so that comments and order stay
yamlstyle  how new YAML is written
charts     Helm charts: their values, and which files an Argo CD application takes them from
"""
