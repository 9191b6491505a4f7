"""What gateways' devices phone home to, and the line on which they do.

`admission` says whom the controller takes for whose device, and the simulation goes by it too. The rest is the protocol:
`service` and `roll` on the controller's side, `line` and `device` on that of a device. The emulation has the processes for both.
"""
