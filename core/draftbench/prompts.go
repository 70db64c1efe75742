package draftbench

import (
	"fmt"
	"strings"
)

// Kind is a kind of prompt.
type Kind string

// The kinds.
const (
	Chat       Kind = "chat"
	Summary    Kind = "summarising"
	Edit       Kind = "editing code"
	Structured Kind = "structured output"
)

// Kinds are all of them, in the order of the report.
var Kinds = []Kind{Chat, Summary, Edit, Structured}

// PerKind is how many prompts there are of each kind.
const PerKind = 50

// Prompt returns the i-th prompt of a kind, from 0 to PerKind-1.
func Prompt(k Kind, i int) string {
	switch k {
	case Summary:
		return "Summarise this report in three sentences, quoting its figures.\n\n" + report(i)
	case Edit:
		return fmt.Sprintf("Rename the variable %s to %s everywhere. Answer with the whole program and nothing else.\n\n```go\n%s```",
			names[i%len(names)], renamed[i%len(renamed)], program(i))
	case Structured:
		what := lists[i/2%len(lists)]
		if i%2 == 0 {
			return fmt.Sprintf("Write a markdown table of ten %s with the columns %s.", what.of, what.columns)
		}
		return fmt.Sprintf("Write an HTML list of ten %s, each like <li class=%q>Name</li>.", what.of, strings.ToLower(strings.Fields(what.columns)[0][:1])+"-entry")
	default:
		return questions[i%len(questions)]
	}
}

var questions = strings.Split(strings.TrimSpace(`
Why is the sky blue?
How do I boil an egg so that the yolk stays soft?
Explain what a binary search is to a child.
What should I pack for a week of walking in the Alps?
Tell me a short story about a lighthouse keeper.
What is the difference between weather and climate?
Give me advice for a first job interview.
How does a bicycle stay upright?
What causes the tides?
Write a short poem about autumn.
Why do cats purr?
How can I sleep better?
What is inflation, in plain words?
Describe a day in the life of a medieval baker.
How do vaccines work?
What makes a good teacher?
Explain the rules of chess briefly.
Why do leaves change their colour?
How should I begin to learn the piano?
What is the point of philosophy?
How does a refrigerator cool?
Write an invitation to a birthday party in a park.
What are the seasons like in Japan?
Why is the sea salty?
How do I remove a red wine stain?
What is a black hole?
Compare tea and coffee.
How does the internet find a website?
Tell me about the history of paper.
What does a judge do?
Why do we dream?
How can a small town attract visitors?
What is the best way to learn new words?
Explain compound interest with an example.
How do bees make honey?
What would happen without the moon?
Give three reasons to learn a second language.
How do I keep a houseplant alive?
What is jazz?
Why did the Roman empire fall?
How do airplanes fly?
Write a polite letter of complaint about a late parcel.
What is the purpose of sleep?
How is glass made?
What is a good breakfast for a runner?
Explain supply and demand.
Why do some people like horror films?
How do I prepare for an exam?
What is a democracy?
Describe the taste of an orange to somebody who has never had one.
`), "\n")

// pick chooses from words, otherwise for each prompt and use.
func pick(words []string, i, use int) string { return words[(i*7+use*13+i*use)%len(words)] }

var (
	towns    = []string{"Alder", "Brook Hill", "Castor", "Dunmore", "Elmford", "Fairwater", "Glenside", "Harrow Bay", "Innis", "Juniper Falls", "Kingsmead"}
	goods    = []string{"wool", "timber", "copper", "apples", "paper", "cheese", "glass", "bicycles", "tea", "furniture", "seed corn"}
	seasons  = []string{"spring", "summer", "autumn", "winter"}
	last     = []string{"Adler", "Brown", "Costa", "Dahl", "Evans", "Fuchs", "Garcia", "Hart", "Ito", "Jones", "Klein"}
	names    = []string{"total", "count", "items", "index", "value", "result", "buffer"}
	renamed  = []string{"sum", "number", "entries", "position", "amount", "answer", "storage"}
	verbs    = []string{"Add", "Collect", "Measure", "Filter", "Join"}
	elements = []string{"int", "float64", "int64", "uint32"}
)

func report(i int) string {
	town, good := pick(towns, i, 1), pick(goods, i, 2)
	return fmt.Sprintf(`The harbour office of %s reports on the trade in %s. In %s the town shipped %d tonnes of %s, which is %d per cent more than in the year before. `+
		`Most of it went to %s, where the price rose from %d to %d crowns a tonne. The second buyer was %s with %d tonnes. `+
		`The office expects that the new quay, which opens in %s, will let %d more ships call each month. `+
		`The workers of %s ask for %d new cranes, as the old ones failed on %d days. The council of %s has set aside %d crowns for repairs and will decide in %s.`,
		town, good, pick(seasons, i, 3), 1200+37*i, good, 3+i%17, pick(towns, i, 4), 80+i, 95+2*i, pick(towns, i, 5), 300+11*i,
		pick(seasons, i, 6), 2+i%9, town, 2+i%4, 5+i%23, town, 10000+250*i, pick(seasons, i, 7))
}

// program is one whose variable names[i] is used often.
func program(i int) string {
	name, function, element := names[i%len(names)], pick(verbs, i, 1)+pick(last, i, 2), pick(elements, i, 3)
	return fmt.Sprintf(`package main

import "fmt"

// %[2]s goes through the values and keeps what is above the limit.
func %[2]s(values []%[3]s, limit %[3]s) %[3]s {
	var %[1]s %[3]s
	for _, v := range values {
		if v > limit {
			%[1]s += v
		}
		if %[1]s > %[4]d {
			%[1]s = %[4]d
		}
	}
	fmt.Println("%[2]s:", %[1]s)
	return %[1]s
}

func main() {
	values := []%[3]s{%[5]d, %[6]d, %[7]d}
	fmt.Println(%[2]s(values, %[8]d))
}
`, name, function, element, 1000+i, 10+i, 20+i, 30+2*i, 5+i)
}

// lists are what the prompts for structured output ask for.
var lists = []struct{ of, columns string }{
	{"countries", "Country, Capital, Continent and Population"}, {"fruits", "Fruit, Colour, Season and Price"},
	{"rivers", "River, Country, Length and Mouth"}, {"planets and moons", "Name, Radius, Distance and Discoverer"},
	{"animals", "Animal, Class, Weight and Diet"}, {"books", "Title, Author, Year and Genre"},
	{"cities", "City, Country, Mayor and Area"}, {"chemical elements", "Element, Symbol, Number and Mass"},
	{"sports", "Sport, Players, Ball and Origin"}, {"programming languages", "Language, Year, Author and Typing"},
	{"musical instruments", "Instrument, Family, Strings and Range"}, {"trees", "Tree, Height, Leaves and Fruit"},
	{"cheeses", "Cheese, Country, Milk and Age"}, {"mountains", "Mountain, Height, Range and Country"},
	{"painters", "Painter, Born, Country and Style"}, {"car makers", "Maker, Country, Founded and Model"},
	{"airports", "Airport, Code, City and Runways"}, {"vegetables", "Vegetable, Colour, Season and Calories"},
	{"oceans and seas", "Name, Area, Depth and Coast"}, {"birds", "Bird, Colour, Size and Habitat"},
	{"currencies", "Currency, Code, Country and Symbol"}, {"festivals", "Festival, Month, Country and Custom"},
	{"computers", "Computer, Year, Maker and Memory"}, {"spices", "Spice, Origin, Taste and Use"},
	{"bridges", "Bridge, City, Length and Opened"},
}
