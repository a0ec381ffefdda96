package config

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/printer"
	"github.com/goccy/go-yaml/token"
)

// located says where in a configuration file an error lies, as
// name:line:column, words it for who wrote the file, and shows the line.
func located(name string, source []byte, err error) error {
	var (
		field *FieldError
		text  yaml.Error
		at    *token.Token
	)
	switch {
	case errors.As(err, &field):
		at = placeOf(source, field.Field)
	case errors.As(err, &text):
		at, err = text.GetToken(), inWords(source, text)
	default:
		if wrong := badDuration(source); wrong != nil {
			at, err = placeOf(source, wrong.Field), wrong
		}
	}
	if at == nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	var lines printer.Printer
	return fmt.Errorf("%s:%d:%d: %w\n%s", name, at.Position.Line, at.Position.Column, err,
		strings.TrimRight(lines.PrintErrorToken(at, false), "\n"))
}

// placeOf is where the value of a key begins, or that of the nearest key above
// it that is there: a key that is left out has no place of its own.
func placeOf(source []byte, path string) *token.Token {
	for ; path != ""; path = parent(path) {
		if node := nodeAt(source, path); node != nil {
			return beginning(node)
		}
	}
	return nil
}

// nodeAt is the value of a key, nil if it is not there.
func nodeAt(source []byte, path string) ast.Node {
	query, err := yaml.PathString("$." + path)
	if err != nil {
		return nil
	}
	node, err := query.ReadNode(bytes.NewReader(source))
	if err != nil {
		return nil
	}
	return node
}

// beginning is the first token of a node; a mapping's own is its first colon.
func beginning(node ast.Node) *token.Token {
	if mapping, ok := node.(*ast.MappingNode); ok && len(mapping.Values) > 0 {
		node = mapping.Values[0].Key
	}
	return node.GetToken()
}

// inWords says what the YAML library found, in the words of the configuration.
func inWords(source []byte, found yaml.Error) error {
	path := pathAt(source, found.GetToken())
	switch e := found.(type) {
	case *yaml.UnknownFieldError:
		return unknownKey(parent(path), e.Token.Value)
	case *yaml.TypeError, *yaml.OverflowError, *yaml.UnexpectedNodeTypeError:
		return &FieldError{path, fmt.Sprintf("expected %s, not %s", wanted(path), given(found.GetToken()))}
	}
	if key := givenTwice.FindStringSubmatch(found.GetMessage()); key != nil {
		return fmt.Errorf("the key %s is given twice, first in line %s", key[1], key[2])
	}
	if line, _, _ := bytes.Cut(lineAt(source, found.GetToken()), []byte("#")); bytes.HasPrefix(bytes.TrimLeft(line, " "), []byte("\t")) {
		return errors.New("YAML is indented with spaces, not with tabs")
	}
	return errors.New(found.GetMessage())
}

// givenTwice is how the YAML library's parser tells of a key that it has seen before.
var givenTwice = regexp.MustCompile(`mapping key (".*") already defined at \[(\d+):`)

func unknownKey(above, key string) error {
	problem := fmt.Sprintf("the key %q is unknown", key)
	if hint := meant(above, key); hint != "" {
		problem += fmt.Sprintf("; did you mean %s?", hint)
	} else {
		problem += "; known here are " + strings.Join(siblings(above), ", ")
	}
	return &FieldError{above, problem}
}

// given says in a user's words what stands at a token.
func given(at *token.Token) string {
	switch at.Type {
	case token.SequenceEntryType, token.SequenceStartType:
		return "a list"
	case token.MappingValueType, token.MappingStartType:
		return "a mapping"
	}
	return fmt.Sprintf("%q", at.Value)
}

// pathAt is the dotted path of the key or value that begins at a token.
func pathAt(source []byte, at *token.Token) string {
	file, err := parser.ParseBytes(source, 0)
	if err != nil || at == nil {
		return ""
	}
	search := &search{at: *at.Position}
	for _, document := range file.Docs {
		ast.Walk(search, document.Body)
	}
	return strings.TrimPrefix(strings.TrimPrefix(search.path, "$"), ".")
}

// search looks for the innermost node that begins at a position.
type search struct {
	at   token.Position
	path string
}

// Visit is called for each node, from the outside in.
func (s *search) Visit(node ast.Node) ast.Visitor {
	if t := node.GetToken(); t != nil && t.Position.Line == s.at.Line && t.Position.Column == s.at.Column {
		s.path = node.GetPath()
	}
	return s
}

// lineAt is the line of the source on which a token stands.
func lineAt(source []byte, at *token.Token) []byte {
	lines := bytes.Split(source, []byte("\n"))
	if at == nil || at.Position.Line < 1 || at.Position.Line > len(lines) {
		return nil
	}
	return lines[at.Position.Line-1]
}

// badDuration finds the duration that made decoding fail, because the YAML
// library reports those without their position.
func badDuration(source []byte) *FieldError {
	for _, field := range keysOf(durationType) {
		path, err := yaml.PathString("$." + field)
		if err != nil {
			continue
		}
		var text string
		if path.Read(bytes.NewReader(source), &text) != nil {
			continue
		}
		if _, err := time.ParseDuration(text); err != nil {
			return &FieldError{field, fmt.Sprintf("expected %s, not %q", wanted(field), text)}
		}
	}
	return nil
}

// fraction finds a number with a fraction where a whole one is wanted, because the
// YAML library drops what is behind the point.
func fraction(source []byte) error {
	for _, field := range keysOf(reflect.TypeFor[int]()) {
		if number, ok := nodeAt(source, field).(*ast.FloatNode); ok {
			return &FieldError{field, fmt.Sprintf("expected %s, not %s", wanted(field), given(number.GetToken()))}
		}
	}
	return nil
}
