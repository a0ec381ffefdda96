package fault

import "github.com/moncreneau/hookcheck/simulator/emitter"

// Chunked sends the body in chunks, without a Content-Length. It is genuine.
type Chunked struct{}

// Name is chunked.
func (Chunked) Name() string { return "chunked" }

// Apply leaves the length of the body unsaid.
func (Chunked) Apply(d *emitter.Delivery, _ string) { d.Framing = emitter.Framing{Chunked: true} }

// Stall announces more bytes than it sends, and leaves the connection open: a
// receiver without a read timeout waits for ever.
type Stall struct {
	// Missing is how many bytes never come; less than 1 means 1.
	Missing int
}

// Name is stall.
func (Stall) Name() string { return "stall" }

// Apply makes Content-Length too large.
func (f Stall) Apply(d *emitter.Delivery, _ string) {
	d.Framing = emitter.Framing{Missing: max(f.Missing, 1)}
}

// ShortLength announces fewer bytes than it sends: the receiver verifies a body
// that is cut off, and must not take the rest for another request.
type ShortLength struct {
	// Beyond is how many bytes are not announced; less than 1 means 1.
	Beyond int
}

// Name is short-length.
func (ShortLength) Name() string { return "short-length" }

// Apply makes Content-Length too small.
func (f ShortLength) Apply(d *emitter.Delivery, _ string) {
	d.Framing = emitter.Framing{Beyond: max(f.Beyond, 1)}
}
