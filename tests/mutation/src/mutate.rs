//! Adds every mutant to one copy of a source file: each changed expression checks at run
//! time whether its mutant is the selected one.

use quote::{ToTokens, quote};
use syn::visit_mut::{self, VisitMut};
use syn::{
    BinOp, Block, Expr, ExprLit, ImplItemFn, ItemFn, Lit, ReturnType, Stmt, UnOp, parse_quote,
};

/// A mutant: its line, and its change.
#[derive(Clone, Debug)]
pub struct Mutant {
    pub number: u32,
    pub line: usize,
    /// For example `machine.rs write_extents: without `self.outputs.keep(list);``: stays
    /// the same when the line moves.
    pub name: String,
}

/// Adds every mutant to `source`.
pub fn mutate(
    file: &str,
    source: &str,
    next: u32,
    skip: &[u32],
) -> syn::Result<(String, Vec<Mutant>)> {
    let mut tree = syn::parse_file(source)?;
    let mut mutator = Mutator { file, function: String::new(), next, skip, mutants: Vec::new() };
    mutator.visit_file_mut(&mut tree);
    Ok((prettyplease::unparse(&tree), mutator.mutants))
}

struct Mutator<'a> {
    file: &'a str,
    function: String,
    next: u32,
    skip: &'a [u32],
    mutants: Vec<Mutant>,
}

impl Mutator<'_> {
    /// A new mutant, unless it is one that does not compile.
    fn mutant(&mut self, line: usize, what: &str) -> Option<u32> {
        let number = self.next;
        self.next += 1;
        if self.skip.contains(&number) {
            return None;
        }
        let name = format!("{} {}: {what}", self.file, self.function);
        self.mutants.push(Mutant { number, line, name });
        Some(number)
    }

    /// Replaces `expr` by a choice between it and the others, each for its mutant.
    fn alternatives(
        &mut self,
        line: usize,
        expr: &mut Expr,
        shown: &str,
        others: Vec<(Expr, String)>,
    ) {
        for (other, what) in others {
            if let Some(number) = self.mutant(line, &format!("`{shown}` as {what}")) {
                let original = expr.clone();
                *expr = parse_quote!((if crate::mutant(#number) { #other } else { #original }));
            }
        }
    }

    fn function(&mut self, name: &syn::Ident, output: &ReturnType, block: &mut Block) {
        self.function = name.to_string();
        visit_mut::visit_block_mut(self, block);
        let return_values: &[&str] = match output {
            ReturnType::Default => &["()"],
            ReturnType::Type(_, ty) => match ty.to_token_stream().to_string().as_str() {
                "bool" => &["true", "false"],
                "usize" => &["0", "1"],
                "u64" => &["0", "1"],
                "Bytes" => &["Bytes::new()"],
                "& [u8]" | "& [Extent]" => &["&[]"],
                "Range < usize >" => &["0..0"],
                "Result < () , StreamRefusal >" => {
                    &["Ok(())", "Err(StreamRefusal::Failed)", "Err(StreamRefusal::OutputsWait)"]
                }
                ty if ty.starts_with("Option <") => &["None"],
                _ => &[],
            },
        };
        let line = name.span().start().line;
        for value in return_values {
            if let Some(number) = self.mutant(line, &format!("returns `{value}` immediately")) {
                let value: Expr = syn::parse_str(value).expect("an expression");
                let stmt: Stmt = parse_quote!(if crate::mutant(#number) { return #value; });
                block.stmts.insert(0, stmt);
            }
        }
    }
}

impl VisitMut for Mutator<'_> {
    fn visit_item_mod_mut(&mut self, _: &mut syn::ItemMod) {}
    fn visit_item_const_mut(&mut self, _: &mut syn::ItemConst) {}
    fn visit_item_static_mut(&mut self, _: &mut syn::ItemStatic) {}
    fn visit_generic_argument_mut(&mut self, _: &mut syn::GenericArgument) {}
    fn visit_type_mut(&mut self, _: &mut syn::Type) {}
    fn visit_attribute_mut(&mut self, _: &mut syn::Attribute) {}
    fn visit_pat_mut(&mut self, _: &mut syn::Pat) {}

    fn visit_item_fn_mut(&mut self, item: &mut ItemFn) {
        if item.sig.constness.is_none() {
            self.function(&item.sig.ident, &item.sig.output, &mut item.block);
        }
    }

    fn visit_impl_item_fn_mut(&mut self, item: &mut ImplItemFn) {
        // Code for the checker's recorder is not part of the stream.
        let is_for_the_checker =
            item.attrs.iter().any(|attribute| attribute.path().is_ident("cfg"));
        if item.sig.constness.is_none() && !is_for_the_checker {
            self.function(&item.sig.ident, &item.sig.output, &mut item.block);
        }
    }

    fn visit_block_mut(&mut self, block: &mut Block) {
        visit_mut::visit_block_mut(self, block);
    }

    fn visit_stmt_mut(&mut self, stmt: &mut Stmt) {
        let shown = shown(stmt);
        let line = line_of(stmt);
        let removable = match stmt {
            Stmt::Expr(_, Some(_)) => true,
            Stmt::Expr(Expr::ForLoop(_) | Expr::While(_), None) => true,
            Stmt::Expr(Expr::If(branch), None) => branch.else_branch.is_none(),
            _ => false,
        };
        visit_mut::visit_stmt_mut(self, stmt);
        if removable {
            if let Some(number) = self.mutant(line, &format!("without `{shown}`")) {
                let original = stmt.clone();
                *stmt = parse_quote!(if !crate::mutant(#number) { #original });
            }
        }
    }

    fn visit_arm_mut(&mut self, arm: &mut syn::Arm) {
        visit_mut::visit_arm_mut(self, arm);
    }

    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        let condition = match expr {
            Expr::If(branch) => shown(&*branch.cond),
            _ => String::new(),
        };
        let shown = shown(expr);
        let line = line_of(expr);
        visit_mut::visit_expr_mut(self, expr);
        let others = match &*expr {
            Expr::Binary(binary) if !has_let(expr) => {
                let op = binary.op.to_token_stream().to_string();
                replacements(&op)
                    .iter()
                    .map(|other| {
                        let mut binary = binary.clone();
                        binary.op = syn::parse_str::<BinOp>(other).expect("an operator");
                        (Expr::Binary(binary), format!("`{other}`"))
                    })
                    .collect()
            }
            Expr::Unary(unary) if matches!(unary.op, UnOp::Not(_)) => {
                vec![((*unary.expr).clone(), "its negation".to_owned())]
            }
            Expr::Lit(ExprLit { lit: Lit::Int(int), .. }) => {
                let n: u64 = int.base10_parse().unwrap_or(0);
                let mut numbers = vec![n + 1];
                numbers.extend((n > 1).then(|| n - 1));
                numbers.extend((n > 1).then_some(0));
                numbers
                    .into_iter()
                    .map(|n| {
                        let literal = proc_macro2::Literal::u64_unsuffixed(n);
                        (parse_quote!(#literal), n.to_string())
                    })
                    .collect()
            }
            Expr::Lit(ExprLit { lit: Lit::Bool(bool), .. }) => {
                let other = !bool.value;
                vec![(parse_quote!(#other), other.to_string())]
            }
            Expr::MethodCall(call) => method(call),
            Expr::Macro(macro_) if macro_.mac.path.is_ident("matches") => {
                vec![(parse_quote!(!#expr), "its negation".to_owned())]
            }
            Expr::Path(path) => other_value(path),
            _ => Vec::new(),
        };
        self.alternatives(line, expr, &shown, others);
        if let Expr::If(branch) = expr
            && !has_let(&branch.cond)
        {
            let others = vec![
                (parse_quote!(true), "true".to_owned()),
                (parse_quote!(false), "false".to_owned()),
            ];
            let mut cond = (*branch.cond).clone();
            self.alternatives(line, &mut cond, &format!("if {condition}"), others);
            *branch.cond = cond;
        }
    }
}

/// Another value of the same type.
fn other_value(path: &syn::ExprPath) -> Vec<(Expr, String)> {
    let other = match path.to_token_stream().to_string().as_str() {
        "Phase :: Ready" => "Phase::Draining",
        "Phase :: Draining" => "Phase::Ready",
        "Phase :: Closed" => "Phase::Draining",
        "StreamRefusal :: Closed" => "StreamRefusal::Failed",
        "StreamRefusal :: Failed" => "StreamRefusal::Closed",
        "StreamRefusal :: OutputsWait" => "StreamRefusal::Closed",
        "InHand :: Flush" | "InHand :: Close" => "InHand::Put { len: 1 }",
        _ => return Vec::new(),
    };
    let expr: Expr = syn::parse_str(other).expect("an expression");
    vec![(expr.clone(), format!("`{}`", shown(&expr)))]
}

/// Other calls of the same shape.
fn method(call: &syn::ExprMethodCall) -> Vec<(Expr, String)> {
    let name = call.method.to_string();
    let renamed = |other: &str| {
        let mut call = call.clone();
        call.method = syn::Ident::new(other, call.method.span());
        (Expr::MethodCall(call), format!("`{other}`"))
    };
    match name.as_str() {
        "min" => vec![renamed("max"), ((*call.receiver).clone(), "its receiver".to_owned())],
        "max" => vec![renamed("min")],
        "saturating_add" => {
            vec![renamed("saturating_sub"), ((*call.receiver).clone(), "its receiver".to_owned())]
        }
        "saturating_sub" | "wrapping_sub" => {
            vec![
                renamed(if name == "wrapping_sub" { "wrapping_add" } else { "saturating_add" }),
                ((*call.receiver).clone(), "its receiver".to_owned()),
            ]
        }
        "wrapping_add" => {
            vec![renamed("wrapping_sub"), ((*call.receiver).clone(), "its receiver".to_owned())]
        }
        "is_empty" | "is_some" | "is_none" | "is_some_and" | "any" | "is_open" | "try_reclaim" => {
            let call = call.clone();
            vec![(parse_quote!(!#call), "its negation".to_owned())]
        }
        "push_back" => vec![renamed("push_front")],
        "pop_front" => vec![renamed("pop_back")],
        "first_chunk" => vec![renamed("last_chunk")],
        "last_chunk" => vec![renamed("first_chunk")],
        "first_chunk_mut" => vec![renamed("last_chunk_mut")],
        "last_chunk_mut" => vec![renamed("first_chunk_mut")],
        _ => Vec::new(),
    }
}

fn replacements(op: &str) -> &'static [&'static str] {
    match op {
        "==" => &["!="],
        "!=" => &["=="],
        "<" => &["<=", ">="],
        "<=" => &["<", ">"],
        ">" => &[">=", "<="],
        ">=" => &[">", "<"],
        "&&" => &["||"],
        "||" => &["&&"],
        "+" => &["-", "*"],
        "-" => &["+", "*"],
        "*" => &["+"],
        "/" => &["%", "*"],
        "%" => &["/", "+"],
        "&" => &["|"],
        "|" => &["&"],
        "<<" => &[">>"],
        "|=" => &["&="],
        "&=" => &["|="],
        "+=" => &["-="],
        "-=" => &["+="],
        _ => &[],
    }
}

fn has_let(expr: &Expr) -> bool {
    struct Finder(bool);
    impl VisitMut for Finder {
        fn visit_expr_let_mut(&mut self, _: &mut syn::ExprLet) {
            self.0 = true;
        }
        fn visit_block_mut(&mut self, _: &mut Block) {}
    }
    let mut finder = Finder(false);
    finder.visit_expr_mut(&mut expr.clone());
    finder.0
}

fn line_of(node: &impl ToTokens) -> usize {
    let tokens = node.to_token_stream().into_iter();
    // Inserted code has no position in the source.
    tokens.map(|token| token.span().start().line).find(|line| *line > 1).unwrap_or(0)
}

/// The source text of a node, on one line and shortened.
fn shown(node: &impl ToTokens) -> String {
    let text = quote!(#node).to_string();
    let text = text
        .replace(" . ", ".")
        .replace(" :: ", "::")
        .replace(" (", "(")
        .replace("( ", "(")
        .replace(" )", ")")
        .replace(" ;", ";")
        .replace("& ", "&")
        .replace(" ,", ",")
        .replace(" ?", "?")
        .replace("! ", "!");
    let mut short: String = text.chars().take(70).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
