"""IKEv2 without I/O: RFC 7296, pre-shared keys and AEAD ciphers only. Bytes, `now` and entropy in; effects and events out."""
