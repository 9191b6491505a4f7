"""Owns a running lab: builds it, runs what was asked for, and takes it down."""
