"""What does the world look like from a given camera?"""
