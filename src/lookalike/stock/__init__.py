"""The stock encoders, as package data: EfficientNet-Lite0 and Lite2, made by `tools/export_stock.py`.

Each folder holds `encoder.onnx`, its preprocessing card, a manifest with its sha256, and a model card.
"""
