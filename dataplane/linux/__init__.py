"""The Linux shell around the engine: the TUN device, the underlay socket, the control socket and the loop over them."""
