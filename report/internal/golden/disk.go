package golden

import "io"

// FullDisk is a writer with room for so many bytes and no more.
func FullDisk(room int) io.Writer { return &fullDisk{room} }

type fullDisk struct{ left int }

// Write refuses what does not fit.
func (d *fullDisk) Write(p []byte) (int, error) {
	if d.left -= len(p); d.left < 0 {
		return 0, io.ErrShortWrite
	}
	return len(p), nil
}
