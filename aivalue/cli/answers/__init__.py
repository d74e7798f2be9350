"""What the commands read in answers of the services; whatever else an answer says is passed on.

An answer without these is none of a service of ours: a proxy's, or a service's of another release.
"""
