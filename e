"IPv4","*","*","0x00001001","ChaCha20 with Poly1305 [RFC7634]","0xaabb","NULL",""
