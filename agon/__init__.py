"""Agon: compare language models blind, and turn the votes into leaderboards one can trust."""
