"""The four phases of a run as plain functions of a workbench."""
