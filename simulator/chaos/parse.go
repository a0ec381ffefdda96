package chaos

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Parse reads a scenario from YAML and checks it. Every error names the file,
// the line, the column and the field.
func Parse(file string, text []byte) (Scenario, error) {
	s, err := decode(text)
	switch {
	case errors.Is(err, io.EOF):
		return Scenario{}, fmt.Errorf("%s: the scenario is empty", file)
	case err != nil:
		return Scenario{}, located(file, text, err)
	}
	if at := secondDocument(text); at != nil {
		return Scenario{}, fmt.Errorf("%s:%d:%d: a second document begins: want one scenario in a file", file, at.Line, at.Column)
	}
	if wrong := s.check(); wrong != nil {
		return Scenario{}, fmt.Errorf("%s:%s: %s: %w", file, position(text, wrong.path), wrong.path, wrong.err)
	}
	return s, nil
}

// decode reads the YAML alone. The library panics on some text that is hardly
// YAML, such as a tag on a line of its own; whoever wrote that gets an error.
func decode(text []byte) (s Scenario, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("the text cannot be read as YAML")
		}
	}()
	err = yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(&s)
	return s, err
}

// secondDocument is where a second document begins, which nobody would read.
func secondDocument(text []byte) *token.Position {
	file, err := parser.ParseBytes(text, 0)
	if err != nil || len(file.Docs) < 2 || file.Docs[1].Body == nil {
		return nil
	}
	return file.Docs[1].Body.GetToken().Position
}

// located puts the file's name and the place before an error of the decoder.
func located(file string, text []byte, err error) error {
	var wrong *nodeError
	if errors.As(err, &wrong) {
		return fmt.Errorf("%s:%w", file, wrong)
	}
	var mismatch *yaml.TypeError
	if errors.As(err, &mismatch) {
		at := mismatch.Token.Position
		return fmt.Errorf("%s:%d:%d: %s: %q: want %s", file, at.Line, at.Column,
			pathAt(text, at), mismatch.Token.Value, inWords(mismatch.DstType.Kind()))
	}
	var syntax yaml.Error
	if errors.As(err, &syntax) && syntax.GetToken() != nil {
		at, message := syntax.GetToken().Position, strings.ReplaceAll(syntax.GetMessage(), "\n", `\n`)
		switch syntax.(type) {
		case *yaml.UnexpectedNodeTypeError, *yaml.OverflowError: // about a value, whose field others name themselves
			message = pathAt(text, at) + ": " + message
		}
		return fmt.Errorf("%s:%d:%d: %s", file, at.Line, at.Column, message)
	}
	return fmt.Errorf("%s: %w", file, err)
}

// inWords is what a field of that kind takes.
func inWords(kind reflect.Kind) string {
	switch kind {
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	default:
		return "text"
	}
}

// pathAt is the path of the value that begins at a place.
func pathAt(text []byte, at *token.Position) string {
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return ""
	}
	found := &finder{at: at}
	for _, doc := range file.Docs {
		ast.Walk(found, doc)
	}
	return found.path
}

// finder looks for the value that begins at a place.
type finder struct {
	at   *token.Position
	path string
}

// Visit is for ast.Walk.
func (f *finder) Visit(node ast.Node) ast.Visitor {
	if t := node.GetToken(); t != nil && t.Position.Line == f.at.Line && t.Position.Column == f.at.Column {
		f.path = fieldOf(node)
	}
	return f
}

// fieldOf is a node's path as errors name it: "phases[0].rate".
func fieldOf(node ast.Node) string { return strings.TrimPrefix(node.GetPath(), "$.") }

// position is the line and column of the value at path, or of the nearest thing
// above it that is there: a field that is missing has no line of its own.
func position(text []byte, path string) string {
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return "1:1"
	}
	for p := path; p != ""; p = parent(p) {
		query, err := yaml.PathString("$." + p)
		if err != nil {
			continue
		}
		if node, err := query.FilterFile(file); err == nil && node.GetToken() != nil {
			at := firstToken(node)
			return fmt.Sprintf("%d:%d", at.Line, at.Column)
		}
	}
	return "1:1"
}

// parent is "phases[0]" for "phases[0].rate", "phases" for "phases[0]", and "" above.
func parent(path string) string {
	for i := len(path) - 1; i > 0; i-- {
		if path[i] == '.' || path[i] == '[' {
			return path[:i]
		}
	}
	return ""
}

// firstToken is where a node begins; a mapping's own token is its first colon.
func firstToken(node ast.Node) struct{ Line, Column int } {
	if m, ok := node.(*ast.MappingNode); ok && len(m.Values) > 0 {
		node = m.Values[0].Key
	}
	if m, ok := node.(*ast.MappingValueNode); ok {
		node = m.Key
	}
	at := node.GetToken().Position
	return struct{ Line, Column int }{at.Line, at.Column}
}

// nodeError is what is wrong with one value, with its place.
type nodeError struct {
	node ast.Node
	err  error
}

func (e *nodeError) Error() string {
	at := e.node.GetToken().Position
	return fmt.Sprintf("%d:%d: %s: %v", at.Line, at.Column, fieldOf(e.node), e.err)
}

func (e *nodeError) Unwrap() error { return e.err }

// scalar reads one value by parse, and places its errors.
func scalar[T any](target *T, node ast.Node, parse func(string) (T, error)) error {
	value, ok := node.(ast.ScalarNode)
	if !ok {
		return &nodeError{node, fmt.Errorf("want one value, not a %s", node.Type())}
	}
	parsed, err := parse(fmt.Sprint(value.GetValue()))
	if err != nil {
		return &nodeError{node, err}
	}
	*target = parsed
	return nil
}

// UnmarshalYAML reads a whole number; the library would make 1 of 1.5.
func (w *Whole) UnmarshalYAML(node ast.Node) error { return scalar(w, node, ParseWhole) }

// UnmarshalYAML reads "2s".
func (d *Duration) UnmarshalYAML(node ast.Node) error { return scalar(d, node, ParseDuration) }

// UnmarshalYAML reads "0s..3s" or "2s".
func (r *Range) UnmarshalYAML(node ast.Node) error { return scalar(r, node, ParseRange) }

// UnmarshalYAML reads "50/s", "100/m" or "6/h".
func (r *Rate) UnmarshalYAML(node ast.Node) error { return scalar(r, node, ParseRate) }

// UnmarshalYAML reads "5%" or 0.05.
func (s *Share) UnmarshalYAML(node ast.Node) error { return scalar(s, node, ParseShare) }
