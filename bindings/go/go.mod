module github.com/mishikallm/mishikallm/bindings/go

go 1.23
