"""The whole product, started by its command line and watched from outside."""
