"""May a plan go now?"""
