"""The partner's pages at /p/<partner>/, and what customers and partners share: destinations, contracts, unsubscribing."""
