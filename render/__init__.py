"""How do views become a film?"""
