package target

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// ports hands out ports that receivers are to listen on, none of them twice.
//
// A port that the kernel gives for the asking (":0") is free only until the next
// program asks: between our asking and the receiver's listening, another run of
// hookcheck could be given the same one, and would then certify our receiver.
// So ports come in blocks from below the range from which the kernel gives them
// (32768 and up on Linux), and a block is ours as long as we listen on its first
// port.
type ports struct {
	mu     sync.Mutex
	guards []net.Listener
	free   []int // of our blocks, not handed out yet
}

const (
	firstBlock = 20000
	blockSize  = 32
	blocks     = 375 // up to port 31999
)

// take hands out a port that nobody listens on.
func (p *ports) take() (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		if len(p.free) == 0 {
			if err := p.claim(); err != nil {
				return 0, err
			}
		}
		port := p.free[0]
		p.free = p.free[1:]
		if listener, err := listen(port); err == nil {
			return port, listener.Close()
		}
	}
}

// claim makes a block ours, beginning to look at a random one.
func (p *ports) claim() error {
	var last error
	for i, start := 0, rand.IntN(blocks); i < blocks; i++ { //nolint:gosec // nothing secret about it
		first := firstBlock + (start+i)%blocks*blockSize
		guard, err := listen(first)
		if err != nil {
			last = err
			continue
		}
		p.guards = append(p.guards, guard)
		for port := first + 1; port < first+blockSize; port++ {
			p.free = append(p.free, port)
		}
		return nil
	}
	return fmt.Errorf("no free block of ports from %d on: %w", firstBlock, last)
}

// close gives the blocks back.
func (p *ports) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for _, guard := range p.guards {
		errs = append(errs, guard.Close())
	}
	p.guards, p.free = nil, nil
	return errors.Join(errs...)
}

func listen(port int) (net.Listener, error) {
	return net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))) //nolint:noctx // does not wait
}
