package wire

// NewFault sorts an error of connecting.
func NewFault(req *Request, err error) *Fault { return newFault(req, connecting, err) }

// Seats says how many connections are counted as open, and how many are idle.
func Seats(s *Server) (open, idle int) {
	s.pool.mu.Lock()
	defer s.pool.mu.Unlock()
	return s.pool.open, len(s.pool.idle)
}
