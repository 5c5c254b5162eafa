//! Statements in a text.

use datafusion::error::Result;
use datafusion::sql::parser::{DFParser, Statement};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

/// Parses statements that semicolons separate.
pub fn statements(text: &str) -> Result<Vec<Statement>> {
    Ok(DFParser::parse_sql(text)?.into())
}

/// Whether a text ends with a whole statement: outside quotes and comments, with a
/// semicolon. A text without tokens is complete too.
pub fn is_complete(text: &str) -> bool {
    let Ok(tokens) = Tokenizer::new(&GenericDialect {}, text).tokenize() else {
        // A quote or a comment is open.
        return false;
    };
    let last = tokens.iter().rfind(|token| !matches!(token, Token::Whitespace(_)));
    last.is_none_or(|last| *last == Token::SemiColon)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_ends_with_a_semicolon_outside_quotes_and_comments() {
        for complete in ["SELECT 1;", "", "  \n", "SELECT ';';  ", "SELECT 1; -- note", "-- note"] {
            assert!(is_complete(complete), "{complete}");
        }
        for open in ["SELECT 1", "SELECT ';", "SELECT 1 -- ;", "SELECT 1 /* ; ", "SELECT \";"] {
            assert!(!is_complete(open), "{open}");
        }
    }

    #[test]
    fn a_script_is_split_into_statements() {
        let text = "SELECT 1; COPY (SELECT 1) TO 'a;b.pack' STORED AS PACK;\n-- end\n";
        assert_eq!(statements(text).unwrap().len(), 2);
        assert!(statements("SELEC 1").is_err());
    }
}
