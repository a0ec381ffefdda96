package target

import (
	"sync"
	"testing"
)

func TestRunsAtTheSameTimeNeverGetTheSamePort(t *testing.T) {
	const runs, each = 4, 40 // more than a block
	var mu sync.Mutex
	taken := map[int]bool{}
	var working sync.WaitGroup
	for range runs {
		p := &ports{}
		t.Cleanup(func() {
			if err := p.close(); err != nil {
				t.Error(err)
			}
		})
		working.Go(func() {
			for range each {
				port, err := p.take()
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if taken[port] {
					t.Errorf("port %d was handed out twice", port)
				}
				taken[port] = true
				mu.Unlock()
			}
		})
	}
	working.Wait()
}

func TestAPortThatIsTakenIsNotHandedOut(t *testing.T) {
	p := &ports{}
	t.Cleanup(func() { _ = p.close() })
	first, err := p.take()
	if err != nil {
		t.Fatal(err)
	}
	other, err := listen(first + 1)
	if err != nil {
		t.Skip("somebody else listens on the next port already:", err)
	}
	defer other.Close()
	if second, err := p.take(); err != nil || second == first+1 {
		t.Errorf("got port %d, %v, on which somebody listens", second, err)
	}
}
