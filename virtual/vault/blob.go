package vault

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"strconv"

	"github.com/passrig/passrig/virtual"
)

// maxLargeBlob bounds what is decompressed. Authenticators store kilobytes.
const maxLargeBlob = 1 << 20

func spoiltLargeBlob(p *virtual.StoredCredential) string {
	if len(p.LargeBlob) <= maxLargeBlob {
		return ""
	}
	return fmt.Sprintf("it has %d bytes, want at most %d", len(p.LargeBlob), maxLargeBlob)
}

// compress is the DEFLATE of RFC 1951 without a wrapper, as authenticators store large blobs (CTAP 2.1 §6.10.3).
func compress(blob []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestCompression)
	if err != nil {
		return nil, fmt.Errorf("compress large blob: %w", err)
	}
	if _, err := w.Write(blob); err != nil {
		return nil, fmt.Errorf("compress large blob: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("compress large blob: %w", err)
	}
	return out.Bytes(), nil
}

// decompress is the reverse, for a blob whose size is known. Data of just that size that is no DEFLATE stream was
// never compressed.
func decompress(data []byte, size uint32) ([]byte, error) {
	if size > maxLargeBlob {
		return nil, fmt.Errorf("its size is said to be %d bytes, want at most %d", size, maxLargeBlob)
	}
	blob, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(data)), int64(size)+1))
	switch {
	case err == nil && len(blob) == int(size):
		return blob, nil
	case len(data) == int(size):
		return data, nil
	case err != nil:
		return nil, fmt.Errorf("it is not a DEFLATE stream: %w", err)
	case len(blob) > int(size):
		return nil, fmt.Errorf("it is longer than the %d bytes it is said to have", size)
	default:
		return nil, fmt.Errorf("it has %d bytes, and is said to have %d", len(blob), size)
	}
}

// readLargeBlob reads CXF's member, with the names of 2024's draft too.
func (d *draft) readLargeBlob(n *node) {
	if n == nil {
		return
	}
	size := n.get("uncompressedSize")
	if size == nil {
		size = n.get("size")
	}
	data := n.get("data")
	if size == nil || data == nil {
		d.lose(n, LossLargeBlob, `it has no "uncompressedSize" or no "data"`)
		return
	}
	length, ok := count(size)
	if !ok {
		d.lose(size, LossLargeBlob, "want a number of bytes, got "+strconv.Quote(size.value))
		return
	}
	compressed := d.bytesOf(data, LossLargeBlob)
	if compressed == nil {
		return
	}
	blob, err := decompress(compressed, length)
	if err != nil {
		d.lose(n, LossLargeBlob, err.Error())
		return
	}
	d.LargeBlob = blob
}
