"""A real audio server without hardware, and a caller at the other end: measures the product from outside."""
