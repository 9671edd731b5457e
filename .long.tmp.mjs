import ts from 'typescript'; import fs from 'node:fs';
for (const f of process.argv.slice(2)) { const s=ts.createSourceFile(f,fs.readFileSync(f,'utf8'),99,true);
 const v=n=>{ if((ts.isFunctionLike(n))&&n.body){const a=s.getLineAndCharacterOfPosition(n.getStart()).line,b=s.getLineAndCharacterOfPosition(n.end).line; if(b-a+1>50)console.log(f,a+1,b-a+1,n.name?.getText?.()??'fn');} ts.forEachChild(n,v)}; v(s);}
