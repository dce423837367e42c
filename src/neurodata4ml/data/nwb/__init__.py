"""NWB files as lazy xarray trees."""
