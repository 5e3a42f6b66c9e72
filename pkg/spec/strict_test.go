package spec

import (
	"reflect"
	"strings"
	"testing"
)

type tree struct {
	Name  string  `json:"name"`
	Left  *tree   `json:"left"`
	Right *tree   `json:"right"`
	Many  []*tree `json:"many"`
}

func TestUnmarshalTakesWhatIsPlain(t *testing.T) {
	text := `{"name": "a \"quoted\": {name}", "left": {"name": "b"}, "right": {"name": "c\\"}, "many": [{"name": "d"}, {}]}`
	var got tree
	if err := Unmarshal([]byte(text), &got, Limits{Bytes: len(text), Objects: 5}); err != nil {
		t.Fatal(err)
	}
	want := tree{
		Name: `a "quoted": {name}`, Left: &tree{Name: "b"}, Right: &tree{Name: `c\`},
		Many: []*tree{{Name: "d"}, {}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
}

func TestUnmarshalRefusesWhatEncodingJSONLetsPass(t *testing.T) {
	deep := `{"many":` + strings.Repeat(`[`, maxDepth) + strings.Repeat(`]`, maxDepth) + `}`
	var wide strings.Builder
	for i := range maxKeys + 1 {
		wide.WriteString(`"k` + strings.Repeat("x", i) + `":1,`)
	}
	for _, test := range []struct{ name, text, want string }{
		{"nothing", ``, "not a JSON object"},
		{"an array", `[]`, "not a JSON object"},
		{"space in front", ` {}`, "not a JSON object"},
		{"null", `null`, "not a JSON object"},
		{"a null value", `{"left":null}`, "null"},
		{"an unknown key", `{"nome":"a"}`, "unknown field"},
		{"an unknown key below", `{"left":{"nome":"a"}}`, "unknown field"},
		{"a key in another case", `{"Name":"a"}`, "lower case"},
		{"a key that folds to the same", "{\"le\u017ft\":1}", "lower case"},
		{"an escaped key", `{"n\u0061me":"a"}`, "lower case"},
		{"a key twice", `{"name":"a","name":"b"}`, "twice"},
		{"a key twice, spaced", `{"name" : "a" , "name"` + "\n" + `: "b"}`, "twice"},
		{"a key twice, below", `{"many":[{"name":"a"},{"name":"a","name":"b"}]}`, "twice"},
		{"a key twice, around an object", `{"left":{},"name":"a","left":{}}`, "twice"},
		{"a second object", `{}{}`, "follows"},
		{"a newline after it", "{}\n", "follows"},
		{"a bracket too many", `{}}`, "follows"},
		{"no end", `{"left":{}`, "does not end"},
		{"no end of a string", `{"name":"a`, "does not end"},
		{"no end after a backslash", `{"name":"a\`, "does not end"},
		{"brackets that do not match", `{"many":[}]`, "invalid"},
		{"brackets that do not match, balanced", `{]`, "invalid"},
		{"not UTF-8", "{\"name\":\"\xff\"}", "UTF-8"},
		{"too deep", deep, "nested deeper"},
		{"too many keys", `{` + wide.String() + `"z":1}`, "more than 32 keys"},
		{"too many objects", `{"many":[{},{},{},{},{}]}`, "more than 5 objects"},
		{"too long", `{"name":"` + strings.Repeat("x", 5000) + `"}`, "limit 5000"},
		{"another type", `{"name":1}`, "cannot unmarshal"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := Unmarshal([]byte(test.text), &tree{}, Limits{Bytes: 5000, Objects: 5})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestNullIsTakenWhereItMayBe(t *testing.T) {
	if err := Unmarshal([]byte(`{"many":null}`), &tree{}, Limits{Bytes: 100, Objects: 1, Null: true}); err != nil {
		t.Error(err)
	}
}
