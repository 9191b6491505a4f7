"""Why a packet was dropped, in the customer's words, and what would let it pass. Stands above cloud, compiler and simulation."""
