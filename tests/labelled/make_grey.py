#!/usr/bin/env python3
"""Grey values of colours as TensorFlow's rgb_to_grayscale makes them of bytes, for labelled_file_test.cc.

convert_image_dtype(bytes, float32), a product with [0.2989, 0.5870, 0.1140], convert_image_dtype(floats, uint8, saturate):
the last multiplies by 255.5 and cuts off.
"""

import numpy as np

COLOURS = [(0, 0, 0), (255, 255, 255), (255, 0, 0), (0, 255, 0), (0, 0, 255), (10, 200, 90), (1, 2, 3), (128, 127, 126)]

weights = np.array([0.2989, 0.5870, 0.1140], np.float32)
for colour in COLOURS:
    share = np.array(colour, np.uint8).astype(np.float32) * np.float32(1 / 255)
    grey = np.float32(np.tensordot(share, weights, axes=1)) * np.float32(255.5)
    print(f"{{{', '.join(map(str, colour))}, {int(np.clip(grey, 0, 255))}}},")
