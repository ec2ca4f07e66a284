"""Heads: linear maps, fitted in closed form, that turn an encoder's features into the embeddings that are searched."""

from lookalike.heads.aids import Aids
from lookalike.heads.fitting import HeadConfig, fit
from lookalike.heads.head import Block, Classifier, FeatureArray, Head
from lookalike.heads.store import load, save

__all__ = ["Aids", "Block", "Classifier", "FeatureArray", "Head", "HeadConfig", "fit", "load", "save"]
