package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"

	"systemg.org/sysg/pkg/api"
)

// printXML prints v as XML, with the names that it has in JSON: an object's
// fields are elements, and a list is its element again and again. What JSON
// shows as null is left out.
func (o *output) printXML(root string, v any) error {
	text, err := api.Marshal(v)
	if err != nil {
		return fmt.Errorf("cannot encode: %w", err)
	}
	encoder := xml.NewEncoder(o.stdout)
	encoder.Indent("", "  ")
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if _, err := io.WriteString(o.stdout, xml.Header); err != nil {
		return err
	}
	if err := copyXML(encoder, decoder, root); err != nil {
		return fmt.Errorf("cannot encode: %w", err)
	}
	if err := encoder.Close(); err != nil {
		return err
	}
	_, err = fmt.Fprintln(o.stdout)
	return err
}

// copyXML writes the next value of a JSON text as an element, or as many as a
// list has.
func copyXML(to *xml.Encoder, from *json.Decoder, name string) error {
	token, err := from.Token()
	if err != nil {
		return err
	}
	switch token {
	case nil:
		return nil
	case json.Delim('['):
		for from.More() {
			if err := copyXML(to, from, name); err != nil {
				return err
			}
		}
		_, err := from.Token()
		return err
	}
	start := xml.StartElement{Name: xml.Name{Local: name}}
	if err := to.EncodeToken(start); err != nil {
		return err
	}
	if token == json.Delim('{') {
		if err := copyFields(to, from); err != nil {
			return err
		}
	} else if err := to.EncodeToken(xml.CharData(clean(fmt.Sprint(token)))); err != nil {
		return err
	}
	return to.EncodeToken(start.End())
}

func copyFields(to *xml.Encoder, from *json.Decoder) error {
	for from.More() {
		key, err := from.Token()
		if err != nil {
			return err
		}
		if err := copyXML(to, from, fmt.Sprint(key)); err != nil {
			return err
		}
	}
	_, err := from.Token()
	return err
}

// print prints a value in the format asked for, JSON or XML.
func (o *output) print(root string, v any) error {
	if o.xml {
		return o.printXML(root, v)
	}
	o.printJSON(v)
	return nil
}
