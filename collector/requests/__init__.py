"""Requests: what people ask the service company for, in states and under clocks as incidents are. A catalogue as data,
approvals and steps; what comes by portal, mail, phone and the label on the till."""
