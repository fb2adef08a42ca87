"""Guidelines and news for customers, with the proof that they were read. The portal needs `for_contact` and
`confirm`."""
