package weights

// scaleAndMin reads the j-th of 8 pairs of 6-bit numbers in 12 bytes: those of the first four pairs are the low bits of
// bytes 0 to 7, those of the others are in bytes 8 to 11 with their upper two bits above the first four pairs.
func scaleAndMin(j int, b []byte) (scale, low byte) {
	if j < 4 {
		return b[j] & 63, b[j+4] & 63
	}
	return b[j+4]&15 | b[j-4]>>6<<4, b[j+4]>>4 | b[j]>>6<<4
}

// unpackQ4_K reads 8 sub-blocks of 32: a number is scale*q - min, both of the sub-block's 6 bits times the block's.
func unpackQ4_K(dst []float32, b []byte) {
	unpackQ45K(dst, b, nil, b[16:144])
}

// unpackQ5_K is Q4_K with a fifth bit: bit j of the 32 bytes is sub-block j's.
func unpackQ5_K(dst []float32, b []byte) {
	unpackQ45K(dst, b, b[16:48], b[48:176])
}

func unpackQ45K(dst []float32, b, high, low []byte) {
	d, dmin := half(b), half(b[2:])
	for j := range 8 {
		s, m := scaleAndMin(j, b[4:16])
		scale, least := d*float32(s), dmin*float32(m)
		for i := range 32 {
			q := low[j/2*32+i] >> (j % 2 * 4) & 15
			if high != nil {
				q |= high[i] >> j & 1 << 4
			}
			dst[j*32+i] = float32(scale*float32(q)) - least
		}
	}
}

// unpackQ6_K reads 16 sub-blocks of 16 with scales of 8 bits; numbers of 6 bits, biased by 32, four low bits and two
// high ones apart.
func unpackQ6_K(dst []float32, b []byte) {
	low, high, scales, d := b[:128], b[128:192], b[192:208], half(b[208:])
	for i := range 256 {
		part, at := i/128, i%128 // two halves of 128, each four rows of 32
		row, col := at/32, at%32
		l := low[part*64+row%2*32+col] >> (row / 2 * 4) & 15
		h := high[part*32+col] >> (row * 2) & 3
		dst[i] = float32(d*float32(int8(scales[i/16]))) * float32(int(l|h<<4)-32)
	}
}
