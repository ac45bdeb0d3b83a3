import { setTimeout as delay } from "node:timers/promises";
import { readFileSync, readdirSync } from "node:fs";
import { handleGpuWorkerCall } from "./fakes/gpu-worker.ts"; import { listen } from "./fakes/listen.ts"; import { startLocalEdge } from "./local-edge.tmp.ts";
const gpu = await listen(handleGpuWorkerCall());
const w = await startLocalEdge({config:"/work/main/wrangler.toml",stateDir:process.argv[2],port:0,vars:{GPU_WORKER_URL:gpu.url,GPU_WORKER_SECRET:"a-secret-that-only-these-tests-know",DEV_API_KEY:"sk-dev",LOG:"warn"}});
const kids=()=>readdirSync("/proc").filter(p=>/^\d+$/.test(p)).filter(p=>{try{return readFileSync(`/proc/${p}/stat`,"utf8").split(") ")[1].split(" ")[1]===String(process.pid)&&readFileSync(`/proc/${p}/cmdline`,"utf8").includes("workerd")}catch{return false}});
const stat=()=>kids().map(p=>({rss:/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${p}/status`,"utf8"))[1]/1024|0, fds:readdirSync(`/proc/${p}/fd`).length}));
const headers={authorization:"Bearer sk-dev","content-type":"application/json"};
const count={ok:0,left:0,bad:0}; const end=Date.now()+12000;
console.log("before",JSON.stringify(stat()));
await Promise.all(Array.from({length:50},async(_, i)=>{ let n=0; while(Date.now()<end){ n++; const leaves=i%3===0; const c=new AbortController();
 try { const r=await fetch(w.url+"/v1/chat/completions",{method:"POST",headers,signal:c.signal,body:JSON.stringify({model:leaves?"never-ends":"answers",stream:true,messages:[{role:"user",content:`s${i}-${n}`}]})});
  if(r.status!==200){count.bad++; console.log(r.status,(await r.text()).slice(0,200)); continue;}
  if(leaves){const rd=r.body.getReader(); await rd.read(); await delay(60); c.abort(); rd.read().catch(()=>{}); count.left++;} else { const t=await r.text(); t.endsWith("[DONE]\n\n")?count.ok++:count.bad++; } } catch(e){count.bad++; console.log(String(e),String(e.cause))} } }));
console.log(count,"after",JSON.stringify(stat())); await delay(3000); console.log("rest",JSON.stringify(stat()));
await gpu.close(); const r=await fetch(w.url+"/v1/chat/completions",{method:"POST",headers,body:JSON.stringify({model:"answers",messages:[{role:"user",content:"x"}]})}); console.log(r.status,r.headers.get("retry-after"),await r.text());
await w.close();
