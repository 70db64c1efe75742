package calibrated

import "encoding/binary"

func putSum(b []byte, sum uint32) { binary.LittleEndian.PutUint32(b, sum) }

// sealFile makes a file's length and checksum right.
func sealFile(file []byte) {
	putSum(file[atSize:], uint32(len(file)-headSize))
	putSum(file[atSum:], checksum(file))
}
