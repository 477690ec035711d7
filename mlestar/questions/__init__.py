"""Questions to an engineer, one module for each phase; each has a prompt of the same name and a playbook rule."""
