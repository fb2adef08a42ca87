"""The customers' portal: their own shops, tills, requests, backups, visits and notices. Every view is given the contact
person and asks `requests.tenancy` what that one may see."""
