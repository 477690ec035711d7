"""The laboratory notebook: everything a study did, kept in MLflow and read back from it.

Only this package knows MLflow. It is imported late, because importing it and opening a store take seconds.
"""
