"""The neural converter: ONNX Runtime steps of the trained networks, hop by hop, without torch."""
