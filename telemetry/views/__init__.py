"""The customer's pages of sites, devices and alerts."""
